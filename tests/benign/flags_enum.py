from enum import Flag, auto, unique


@unique
class Permission(Flag):
    READ = auto()
    WRITE = auto()
    ADMIN = auto()


def run(ctx, params):
    granted = Permission(0)
    for name in params["names"]:
        granted |= Permission[name]
    return [granted.value, Permission.READ in granted, bool(granted & Permission.ADMIN), list(Permission.__members__)]

# params: {"names": ["READ", "WRITE"]}
# returns: [3, true, false, ["READ", "WRITE", "ADMIN"]]
