"""One run of `setup`: the questions, the files, the config, and the first start with it."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

from rich.console import Console

from drivers.registry import load_drivers
from gateway.config.command_line import command_line
from gateway.config.editor import NotEditable, edited
from gateway.config.file import parsed_toml, write_config
from gateway.config.first import is_first_config
from gateway.config.problems import ConfigError
from gateway.config.schema import load_config
from gateway.host.errors import BAD_CONFIG, FAILED, GatewayError
from gateway.setup import kept_answers
from gateway.setup.answers import (
    Answers,
    Current,
    change_of,
    default_state_dir,
    replaced_fake_bike,
)
from gateway.setup.cloud_dialogue import ask_cloud
from gateway.setup.cloud_files import claimed, for_the_service, without_missing_ca
from gateway.setup.dialogue import Look, ShowLive, ask_bike_and_racer
from gateway.terminal.words import print_words

#: Printed as long as the config is that of the package.
_EXAMPLE = (
    "the bike and its rider are still the example's, so the service waits; to race a fake bike, "
    "run setup again and enter another racer"
)


class SetupError(GatewayError):
    """`setup` cannot write the config. The text contains the reason, and what to do."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class SetupSession:
    """A run that changes `file`, whose current text and content are `text` and `current`.

    `answers`: those given as options; the run completes them. `template`: that of the claim.
    """

    def __init__(
        self,
        console: Console,
        file: Path,
        text: str,
        current: Current,
        answers: Answers,
        template: str,
    ) -> None:
        if answers.claim is not None:
            answers.claim = answers.claim.absolute()
        self.answers = answers
        self._console = console
        self._file = file
        self._text = text
        self._current = current
        self._template = template
        self._given = deepcopy(answers)
        #: What the user answered with `later`.
        self._later = Answers()

    def ask(self, look: Look, live: ShowLive) -> None:
        """Ask for everything that is missing. Raises typer.Abort on Ctrl-C."""
        self._say(_heading(self._file, self._current))
        kept, answers = kept_answers.kept(self._file), self.answers
        if self._has_any(kept):
            self._say("Your answers from last time are proposed again.\n")
        ask_bike_and_racer(self._console, self._current, answers, kept, look, live)
        if ask_cloud(self._console, self._file.parent, self._current, answers, kept):
            return
        self._later = Answers(cloud=answers.cloud, thing_name=answers.thing_name)
        answers.cloud = {}
        again = command_line("setup", self._file)
        self._say(f"The cloud is not set up yet. When you have the certificate, run: {again}")

    def keep_answers(self) -> str:
        """Save the answers for the next run; return a sentence on it, empty without answers."""
        is_new = self.answers != self._given and self._has_any(self.answers)
        if not is_new or not kept_answers.keep(self._file, self.answers):
            return ""
        return f"; `{command_line('setup', self._file)}` proposes your answers again"

    def _has_any(self, answers: Answers) -> bool:
        """Return whether the user gave any answer; the default id is set without a question."""
        return answers not in (Answers(), Answers(bike_id=self._current.default_id))

    def get_files(self, may_replace: Callable[[str], bool]) -> None:
        """Get the certificate if there is a claim, and let the service read all PEM files."""
        file, answers = self._file, self.answers
        try:
            claimed(file, self._current, answers, self._template, self._say, may_replace)
            without_missing_ca(file, self._current, answers)
            for_the_service(file, answers, self._say)
        except OSError as error:
            raise SetupError(
                f"cannot prepare {error.filename or error.filename2} for the service: "
                f"{error.strerror}; copy the file into {file.parent}, and run: "
                "sudo chgrp alleycat-gateway FILE && sudo chmod 640 FILE; then run setup again "
                "with the path of the copy"
            ) from error

    def write(self) -> bool:
        """Write the config; return whether anything changed. Raises SetupError."""
        answers, current, file = self.answers, self._current, self._file
        if current.is_new and not current.is_template and answers.state_dir is None:
            answers.state_dir = default_state_dir(file)
        elif answers.state_dir is not None:
            answers.state_dir = answers.state_dir.absolute()
        try:
            text = edited(self._text, change_of(answers, current))
            is_changed = text != self._text or current.is_new
            backup = self._replace(text) if is_changed else None
        except NotEditable as error:
            raise SetupError(f"{file}: {error}", BAD_CONFIG) from error
        except ConfigError as error:
            raise SetupError(
                "the config was not changed, because it would be invalid:\n"
                f"{ConfigError(file, error.problems)}\n"
                "In the file, correct the keys that setup does not ask for, and run setup again.",
                BAD_CONFIG,
            ) from error
        except OSError as error:
            what = f"cannot write {file}: {error.strerror}; the config was not changed"
            raise SetupError(what) from error
        self._tell(text, backup, is_changed=is_changed)
        return is_changed

    def _replace(self, text: str) -> Path | None:
        drivers = load_drivers()
        return write_config(self._file, text, lambda draft: load_config(draft, drivers))

    def _tell(self, text: str, backup: Path | None, *, is_changed: bool) -> None:
        kept_answers.forget(self._file)
        kept_answers.keep(self._file, self._later)
        if not is_changed:
            self._say(f"{self._file} is unchanged: it already has these values")
        else:
            former = f"; the previous file is {backup}" if backup else ""
            self._say(f"wrote {self._file}{former}")
        if is_first_config(parsed_toml(text)):
            self._say(_EXAMPLE)
        fake_bike = replaced_fake_bike(self.answers, self._current)
        if is_changed and fake_bike is not None:
            self._say(
                f"{fake_bike} was simulated: its unsent seconds are discarded at the next start"
            )

    def _say(self, text: str) -> None:
        print_words(self._console, text)


def _heading(file: Path, current: Current) -> str:
    intent = f"This will change {file} according to your answers."
    if current.is_template:
        intent = f"This will create {file} from the other gateway's config."
    elif current.is_new:
        intent = f"This will create {file} from the example config."
    return (
        f"{intent}\n"
        "Press Enter to accept the value in [brackets]. The file is written at the end; Ctrl-C "
        "quits without changing the config, and the next setup proposes your answers again.\n"
    )
