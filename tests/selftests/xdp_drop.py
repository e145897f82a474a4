# SPDX-License-Identifier: GPL-2.0
"""xdp_drop.py DEVICE: an XDP program that drops everything, in generic mode."""

import ctypes
import os
import socket
import struct
import sys

import rtnetlink

BPF, BPF_PROG_LOAD, BPF_PROG_TYPE_XDP, XDP_DROP = 321, 5, 6, 1
IFLA_XDP, IFLA_XDP_FD, IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE = 43, 1, 3, 2
NLA_F_NESTED = 0x8000


def load():
    """r0 = XDP_DROP; exit"""
    program = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xB7, 0, 0, XDP_DROP, 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    request = ctypes.create_string_buffer(struct.pack(
        "=IIQQ", BPF_PROG_TYPE_XDP, 2, ctypes.addressof(program), ctypes.addressof(licence)), 128)
    libc = ctypes.CDLL(None, use_errno=True)
    program_fd = libc.syscall(BPF, BPF_PROG_LOAD, request, len(request))
    if program_fd < 0:
        sys.exit(f"bpf(): {os.strerror(ctypes.get_errno())}")
    return program_fd


def main():
    index = socket.if_nametoindex(sys.argv[1])
    xdp = rtnetlink.attribute(NLA_F_NESTED | IFLA_XDP,
                              rtnetlink.u32(IFLA_XDP_FD, load())
                              + rtnetlink.u32(IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE))
    error, sentence = rtnetlink.Socket().ask(rtnetlink.RTM_NEWLINK, 0, xdp, index)
    if error:
        sys.exit(f"XDP: {os.strerror(error)} {sentence}")


main()
