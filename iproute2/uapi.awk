# SPDX-License-Identifier: GPL-2.0
#
# Turns the enums of uapi/if_carp.h into Rust, so that the header stays the only
# place where a number or a name is written:
#
#   IFLA_CARP_*, CARP_STATE_*   numbers
#   STATES, REASONS, CAUSES,
#   XSTATS                      names by number, as `ip` prints them
#   CARP_GENL_*, CARP_CMD_*     generic netlink
#
# A line inside an enum that is neither a comment nor one bare name stops the
# build: a guessed number would be worse than none.

function constant(name, type, number) {
	return "pub const " name ": " type " = " number ";\n"
}

# "CARP_STATE_MASTER" without "CARP_STATE_", as a line of a Rust array.
function element(prefix, separator,    name) {
	name = tolower(substr(symbol, length(prefix) + 1))
	gsub("_", separator, name)
	return "    c\"" name "\",\n"
}

/^#define CARP_KEY_LEN[ \t]/ { key_len = $3 }
/^#define CARP_GENL_NAME[ \t]/ { genl_name = $3 }
/^#define CARP_GENL_VERSION[ \t]/ { genl_version = $3 }
/^enum( [a-z_]+)? \{$/ { in_enum = 1; value = 0; next }
/^\};$/ { in_enum = 0 }
!in_enum { next }

# Comments: those that end on their line, then those that go on after it.
{ gsub(/\/\*.*\*\//, "") }
in_comment { if (!sub(/^.*\*\//, "")) next; in_comment = 0 }
sub(/\/\*.*$/, "") { in_comment = 1 }
/^[ \t]*$/ { next }

!/^\t[A-Z_0-9]+,?[ \t]*$/ {
	print "uapi.awk: line " FNR " is not understood: " $0 > "/dev/stderr"
	failed = 1
	exit
}

{ symbol = $1; sub(",", "", symbol) }
symbol ~ /^IFLA_CARP_/ { numbers = numbers constant(symbol, "u16", value) }
symbol == "__IFLA_CARP_MAX" { numbers = numbers constant("IFLA_CARP_MAX", "u16", value - 1) }
symbol ~ /^CARP_STATE_/ {
	numbers = numbers constant(symbol, "u8", value)
	states = states element("CARP_STATE_", "-")
}
symbol ~ /^CARP_REASON_/ { reasons = reasons element("CARP_REASON_", "-") }
symbol ~ /^CARP_CAUSE_/ { causes = causes element("CARP_CAUSE_", "-") }
symbol ~ /^CARP_CMD_/ { commands = commands constant(symbol, "u8", value) }
symbol ~ /^CARP_XSTATS_/ { xstats = xstats element("CARP_XSTATS_", "_") }
{ value++ }

END {
	if (failed)
		exit 1
	if (!key_len || !numbers || !states || !reasons || !causes || !xstats || !genl_name ||
	    !genl_version || !commands) {
		print "uapi.awk: a part of the header was not found" > "/dev/stderr"
		exit 1
	}
	print "// Generated from uapi/if_carp.h by uapi.awk."
	printf "%s%s", numbers, constant("CARP_KEY_LEN", "usize", key_len)
	printf "%s%s", commands, constant("CARP_GENL_VERSION", "u8", genl_version)
	printf "pub const CARP_GENL_NAME: &CStr = c%s;\n", genl_name
	printf "pub const STATES: &[&CStr] = &[\n%s];\n", states
	printf "pub const REASONS: &[&CStr] = &[\n%s];\n", reasons
	printf "pub const CAUSES: &[&CStr] = &[\n%s];\n", causes
	printf "pub const XSTATS: &[&CStr] = &[\n%s];\n", xstats
}
