# tries: waiting for a lock that it holds itself
# layer: kernel
# limits: seconds=0.4
import threading


def run(ctx, params):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
    return "ESCAPED: the lock was given twice"
