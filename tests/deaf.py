"""A process that does not listen when it is asked to end."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("listens to nobody", flush=True)
    while True:
        signal.pause()
