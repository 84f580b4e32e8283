/*
 * What things cost: microseconds and bytes, measured by simulate.sh, in a file of lines
 * "NAME NUMBER".
 */
#ifndef COSTS_H
#define COSTS_H

struct costs {
	/* The engine's CPU, in microseconds. */
	double picture_us; /* to tell a gateway that nothing has changed … */
	double row_us;     /* … and of each server that has */
	double set_us;     /* to set a mapping with a server's load as a condition */
	double join_us;    /* to read a mapping */
	double listed_us;  /* to list a server's mappings: of each */
	double note_us;    /* to change a mapping */
	double facts_us;   /* to write a server's facts */
	double list_us;    /* to write a server's list */
	double trend_us;   /* to write a server's trend */
	double create_us;  /* all of a create, and of a join, as scale-out.sh found it */
	double way_us;     /* there and back, with nothing to do there */
	/* A gateway's CPU, in microseconds. */
	double gateway_create_us, gateway_join_us; /* as scale-out.sh found it */
	double poll_us, poll_meeting_us;           /* a poll, and each meeting in its list */
	double gateway_row_us;                     /* to read what changed of a server */
	/* The engine's memory, in bytes. */
	double empty_bytes, mapping_bytes, server_bytes, list_meeting_bytes, trend_bytes,
	    peak_bytes;
	double answer_meeting_bytes; /* of a meeting in a server's answer to a poll */
	double gateway_kb;           /* a gateway that idles, with few servers */
};

/* Read them.  Ends the program where the file cannot be read, or one is missing. */
void costs_read(struct costs *costs, const char *file);

#endif
