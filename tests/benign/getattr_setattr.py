class Settings:
    name = "old"
    size = 1


def run(ctx, params):
    settings = Settings()
    for key, value in params["changes"].items():
        if hasattr(settings, key):
            setattr(settings, key, value)
    before = getattr(settings, "name")
    delattr(settings, "name")
    return [before, settings.name, settings.size, getattr(settings, "color", "none"), hasattr(settings, "color")]

# params: {"changes": {"name": "new", "size": 3}}
# returns: ["new", "old", 3, "none", false]
