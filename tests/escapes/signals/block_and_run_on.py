# tries: blocking every signal and running past the timers
# layer: kernel
# limits: seconds=0.5
import signal


def run(ctx, params):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True:
        pass
