# SPDX-License-Identifier: GPL-2.0
"""Pings an address every 10 ms until it is interrupted. Prints, for each question, when it was
asked and when it was answered, in seconds since the epoch; 0 if it was not."""

import signal
import socket
import struct
import sys
import time

INTERVAL = 0.01
STOP = False


def stop(*_):
    global STOP
    STOP = True


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def question(number):
    def message(total):
        return struct.pack("!BBHHHQ", 8, 0, total, 1, number & 0xFFFF, number)
    return message(checksum(message(0)))


def main():
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    wires = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    asked, answered = [], []
    print("asked answered", flush=True)
    following = time.monotonic()
    while not STOP:
        try:
            wires.sendto(question(len(asked)), (sys.argv[1], 0))
        except OSError:
            pass
        asked.append(time.time())
        answered.append(0)
        following += INTERVAL
        while (left := following - time.monotonic()) > 0:
            wires.settimeout(left)
            try:
                data = wires.recv(200)
            except TimeoutError:
                break
            if data[20] == 0:
                number = struct.unpack("!Q", data[28:36])[0]
                answered[number] = answered[number] or time.time()
    for times in zip(asked, answered):
        print("%.4f %.4f" % times)


main()
