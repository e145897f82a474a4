# SPDX-License-Identifier: GPL-2.0
"""hold_rtnl.py: takes RTNL for each line that it reads, and gives it back after the next one; says
"ready", "held", and "free". It does not keep a processor busy, nor hold anything else.

The kernel writes the answer to an ioctl, for which it takes RTNL, into a page that is not there:
whoever looks after the page is told, and puts it there when it likes."""

import ctypes
import fcntl
import mmap
import os
import _socket as socket
import struct
import sys
import threading

SYS_USERFAULTFD = 323
UFFD_API, UFFDIO_API, UFFDIO_REGISTER, UFFDIO_ZEROPAGE = 0xAA, 0xC018AA3F, 0xC020AA00, 0xC020AA04
UFFDIO_REGISTER_MODE_MISSING = 1
SIOCETHTOOL, ETHTOOL_GSTRINGS, ETH_SS_FEATURES = 0x8946, 0x1B, 4
PAGE = mmap.PAGESIZE


def ask(address):
    """For the names of what a device can do, at this address; they come behind the question."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sQ16x", b"lo", address))


def hold(watcher):
    """One page for the question, and one that is not there."""
    memory = mmap.mmap(-1, 2 * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    question = struct.pack("III", ETHTOOL_GSTRINGS, ETH_SS_FEATURES, 0)
    memory[PAGE - len(question):PAGE] = question
    missing = struct.pack("QQ", start + PAGE, PAGE)
    fcntl.ioctl(watcher, UFFDIO_REGISTER, missing + struct.pack("QQ", UFFDIO_REGISTER_MODE_MISSING, 0))
    asker = threading.Thread(target=ask, args=(start + PAGE - len(question),))
    asker.start()
    os.read(watcher, 32)
    print("held", flush=True)
    sys.stdin.readline()
    fcntl.ioctl(watcher, UFFDIO_ZEROPAGE, missing + bytes(16))
    asker.join()
    print("free", flush=True)


def main():
    watcher = ctypes.CDLL(None, use_errno=True).syscall(SYS_USERFAULTFD, os.O_CLOEXEC)
    if watcher < 0:
        sys.exit(f"userfaultfd: {os.strerror(ctypes.get_errno())}")
    fcntl.ioctl(watcher, UFFDIO_API, struct.pack("QQQ", UFFD_API, 0, 0))
    print("ready", flush=True)
    while sys.stdin.readline():
        hold(watcher)


main()
