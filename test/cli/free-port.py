# Prints a port of 127.0.0.1 that nobody uses, below those that the kernel hands out by itself: a node that was stopped gets
# it again, whoever has connected to somebody meanwhile.
import random
import socket

for port in random.SystemRandom().sample(range(10000, 30000), 100):
    with socket.socket() as listener:
        try:
            listener.bind(('127.0.0.1', port))
        except OSError:
            continue
    print(port)
    break
