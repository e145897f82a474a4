# SPDX-License-Identifier: GPL-2.0
"""Looks for a secret in all that rtnetlink says about a link, to root and to nobody."""

import sys

import rtnetlink


def main():
    secret, name = sys.argv[1].encode(), sys.argv[2]
    for user in "root", "nobody":
        if user == "nobody":
            rtnetlink.drop_privileges()
        message = rtnetlink.Socket().links()[name]
        info = dict(rtnetlink.attributes(message[32:]))[rtnetlink.IFLA_LINKINFO]
        data = dict(rtnetlink.attributes(
            dict(rtnetlink.attributes(info))[rtnetlink.IFLA_INFO_DATA]))
        if rtnetlink.VHID not in data:
            sys.exit(f"{user} is not told the vhid")
        if rtnetlink.KEY in data or secret[:8] in message:
            sys.exit(f"{user} is told the key")


main()
