"""The installed service: where its config lies, and how to see what it sees."""

from pathlib import Path

SERVICE_CONFIG = Path("/etc/alleycat-gateway/gateway.toml")
USER = "alleycat-gateway"
#: What the unit gives it beside its own: SupplementaryGroups=.
MORE_GROUPS = ("dialout",)


def become_service(user: str = USER) -> None:
    """As root, go on as the service's user: root may read what the service may not.

    Does nothing for anybody else, or where there is no such user.
    """
    import grp
    import os
    import pwd
    from contextlib import suppress

    if os.geteuid() != 0:
        return
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return
    groups = set(os.getgrouplist(user, account.pw_gid))
    for name in MORE_GROUPS:
        with suppress(KeyError):
            groups.add(grp.getgrnam(name).gr_gid)
    os.setgroups(sorted(groups))
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
