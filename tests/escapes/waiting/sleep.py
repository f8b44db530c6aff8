# tries: sleeping for an hour
# layer: kernel
# limits: seconds=0.4
import time


def run(ctx, params):
    while True:
        time.sleep(3600)
