#compdef alleycat-gateway
# Asks the command itself, which answers with a call of _arguments or _files.
eval "$(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _ALLEYCAT_GATEWAY_COMPLETE=complete_zsh alleycat-gateway)"
