def run(ctx, params):
    try:
        page = ctx.http_get(params["url"])
    except HostError as error:
        print("could not fetch:", type(error).__name__)
        return None
    else:
        return page["text"]
    finally:
        print("done")

# params: {"url": "https://down.example.org/"}
# grants: ["http"]
# ctx: {"answers": {"http": {}}}
# returns: null
