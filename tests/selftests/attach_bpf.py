# SPDX-License-Identifier: GPL-2.0
"""attach_bpf.py DEVICE PROGRAM [TO]: has a program see what DEVICE receives, for as long as it exists.

    drop, pass          XDP in generic mode: of everything
    redirect            the same: everything is sent by TO
    redirect_peer       tc: everything is received by the other end of TO, in another namespace
"""

import ctypes
import os
import _socket as socket
import struct
import sys

import rtnetlink

BPF, BPF_PROG_LOAD, BPF_PROG_ATTACH = 321, 5, 8
BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP, BPF_TCX_INGRESS = 3, 6, 46
XDP_DROP, XDP_PASS, BPF_FUNC_REDIRECT, BPF_FUNC_REDIRECT_PEER = 1, 2, 23, 155
IFLA_XDP, IFLA_XDP_FD, IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE = 43, 1, 3, 2
NLA_F_NESTED = 0x8000


def load(register, value):
    return struct.pack("=BBhi", 0xB7, register, 0, value)


def call(function, index):
    return load(1, index) + load(2, 0) + struct.pack("=BBhi", 0x85, 0, 0, function)


def bpf(command, request):
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(BPF, command, ctypes.create_string_buffer(request, 128), 128)
    if result < 0:
        sys.exit(f"bpf(): {os.strerror(ctypes.get_errno())}")
    return result


def program(kind, code):
    """Its descriptor; its result is the last one in `code`."""
    code += struct.pack("=BBhi", 0x95, 0, 0, 0)
    instructions = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    return bpf(BPF_PROG_LOAD, struct.pack("=IIQQ", kind, len(code) // 8, ctypes.addressof(instructions),
                                          ctypes.addressof(licence)))


def attach_xdp(index, code):
    xdp = rtnetlink.attribute(NLA_F_NESTED | IFLA_XDP,
                              rtnetlink.u32(IFLA_XDP_FD, program(BPF_PROG_TYPE_XDP, code))
                              + rtnetlink.u32(IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE))
    error, sentence = rtnetlink.Socket().ask(rtnetlink.RTM_NEWLINK, 0, xdp, index)
    if error:
        sys.exit(f"XDP: {os.strerror(error)} {sentence}")


def main():
    index, name = socket.if_nametoindex(sys.argv[1]), sys.argv[2]
    to = socket.if_nametoindex(sys.argv[3]) if len(sys.argv) > 3 else 0
    if name == "redirect_peer":
        descriptor = program(BPF_PROG_TYPE_SCHED_CLS, call(BPF_FUNC_REDIRECT_PEER, to))
        bpf(BPF_PROG_ATTACH, struct.pack("=III", index, descriptor, BPF_TCX_INGRESS))
    else:
        attach_xdp(index, {"drop": load(0, XDP_DROP), "pass": load(0, XDP_PASS),
                           "redirect": call(BPF_FUNC_REDIRECT, to)}[name])


main()
