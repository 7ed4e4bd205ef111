"""A link between two network namespaces that is slow, loses packets, or is cut, as its standard input says.

delay-link.py NAMESPACE_A ADDRESS_A NAMESPACE_B ADDRESS_B: makes a TUN device in each, says "ready", and carries packets
between them. Each line of standard input, "DELAY_MS JITTER_MS LOSS_PERCENT", holds from then on; 100 percent is a cut cable.
Ends with its standard input. netem, which does this in the kernel, is not in every kernel.
"""
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
QUEUED_MAX = 4096


def tun(name, namespace, own, peer):
    descriptor = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack('16sH', name.encode(), IFF_TUN_NO_PI))
    for command in (['ip', 'link', 'set', name, 'netns', namespace], ['ip', '-n', namespace, 'addr', 'add', own, 'peer', peer, 'dev', name], ['ip', '-n', namespace, 'link', 'set', name, 'up']):
        subprocess.check_call(command)
    return descriptor


def main():
    namespace_a, address_a, namespace_b, address_b = sys.argv[1:5]
    tag = f'{os.getpid():x}'
    ends = [tun(f'vfa{tag}', namespace_a, address_a, address_b), tun(f'vfb{tag}', namespace_b, address_b, address_a)]
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    delay, jitter, loss = 0.0, 0.0, 0.0
    queue = []
    count = 0
    text = b''
    os.set_blocking(0, False)
    print('ready', flush=True)
    while True:
        wait = max(0.0, queue[0][0] - time.monotonic()) if queue else 1.0
        readable, _, _ = select.select([0, *ends], [], [], min(wait, 1.0))
        for descriptor in readable:
            if descriptor == 0:
                piece = os.read(0, 4096)
                if not piece:
                    return
                text += piece
                *lines, text = text.split(b'\n')
                for line in lines:
                    delay, jitter, loss = (float(word) for word in line.split())
                    if loss >= 100:
                        queue.clear()
                continue
            for _ in range(64):
                try:
                    packet = os.read(descriptor, 65535)
                except BlockingIOError:
                    break
                except OSError:
                    # The namespace is gone.
                    return
                # A full queue loses packets, as a router's does.
                if random.random() * 100 < loss or len(queue) > QUEUED_MAX:
                    continue
                count += 1
                heapq.heappush(queue, (time.monotonic() + (delay + random.random() * jitter) / 1000, count, other[descriptor], packet))
        now = time.monotonic()
        while queue and queue[0][0] <= now:
            _, _, descriptor, packet = heapq.heappop(queue)
            try:
                os.write(descriptor, packet)
            except OSError:
                # Full, or the namespace is gone: as lost as on a real cable.
                pass


main()
