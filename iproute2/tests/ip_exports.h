/* SPDX-License-Identifier: GPL-2.0 */
/* Functions of iproute2's lib/json_print.c, which `ip` exports. */
void new_json_obj(int json);
void open_json_object(const char *name);
void close_json_object(void);
void delete_json_obj(void);
