# tries: reading on for the job, the parameters or the answers of somebody else
# layer: host
# limits: seconds=0.4
import os


def run(ctx, params):
    return f"ESCAPED: {os.read(0, 65536)}"
