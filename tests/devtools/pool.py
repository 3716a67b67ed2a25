"""A stand-in for a worker: forks two children that would wait for ever, and tells their numbers."""

import os
import sys
import time

if __name__ == "__main__":
    numbers = []
    for _ in range(2):
        number = os.fork()
        if number == 0:
            time.sleep(60)
            os._exit(0)
        numbers.append(number)
    sys.stdout.write(" ".join(map(str, numbers)) + "\npool is up\n")
    sys.stdout.flush()
    time.sleep(60)
