# tries: ending the child by abort, which must leave no core dump
# layer: kernel
import os


def run(ctx, params):
    os.abort()
