/*
 * getRecordingTextTracks and putRecordingTextTrack, which answer in JSON.  See
 * bbb-web's RecordingController.groovy and RecMetaXmlHelper.scala of
 * bbb-common-web.  Each fills the answer of the call.
 */
#ifndef SANDBOX_TRACK_CALLS_H
#define SANDBOX_TRACK_CALLS_H

struct call;

/* Lists the tracks of one recording. */
void track_calls_get(struct call *call);

/*
 * Takes a track: part "file" of a multipart body.  It is listed at once, where
 * BBB needs a while to process it, and replaces one of its kind and language.
 */
void track_calls_put(struct call *call);

#endif
