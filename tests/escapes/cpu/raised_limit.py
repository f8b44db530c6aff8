# tries: raising the processor time that is left, and switching the timer off
# layer: kernel
# limits: seconds=0.5
import resource
import signal


def run(ctx, params):
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))
        return "ESCAPED: the processor time has no limit any more"
    except (OSError, ValueError):
        signal.setitimer(signal.ITIMER_REAL, 0)
    while True:
        pass
