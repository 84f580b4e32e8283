/*
 * Claims of many gateways over one engine: by how many a second are they made, and how often
 * does one have to choose anew since another was faster?
 *
 * A gateway makes one claim at a time, as its threads do (claim.h): it reads the picture,
 * chooses, and sets the mapping on condition that the chosen server's facts have not changed.
 * The engine does one thing after the other, as Redis does; what it does besides claims takes
 * a share of its time, and the polls change facts meanwhile.
 */
#ifndef STORM_H
#define STORM_H

#include <stddef.h>

struct storm {
	size_t servers, gateways;
	size_t sample; /* a choice is made among so many, drawn by lot; 0: among all */
	double way_us; /* to the engine and back */
	double picture_us, row_us, set_us; /* of the engine: to read the picture, of each
	                                      server in it that has changed, to set */
	double think_us;                   /* of the gateway: to choose */
	double background;                 /* the engine's share for other work … */
	double facts_per_second;           /* … in which it changes so many servers' facts */
	double rate;     /* claims that come in a second; 0: as fast as they are made … */
	double pause_us; /* … with this between two of a gateway, on average */
	size_t claims;   /* how many are made */
};

struct storm_outcome {
	double per_second;
	double tries;          /* for each claim, the mean */
	double forced;         /* the share of those made whatever others chose */
	double busy;           /* the engine's share of time for claims and the rest */
	double p50_ms, p99_ms; /* from when a claim came to when it was made */
};

struct storm_outcome storm_run(const struct storm *storm);

#endif
