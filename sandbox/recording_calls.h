/*
 * getRecordings, publishRecordings, deleteRecordings, updateRecordings.  See
 * bbb-web's RecordingController.groovy, RecordingServiceFileImpl.java and
 * XmlServiceImpl.java, and Recording.scala and RecMetaXmlHelper.scala of
 * bbb-common-web.  Each fills the answer of the call.
 */
#ifndef SANDBOX_RECORDING_CALLS_H
#define SANDBOX_RECORDING_CALLS_H

struct call;

/*
 * Lists recordings.  As BBB does, and a gateway had better know: recordID wins
 * over meetingID and is a list of prefixes; the order means nothing; without
 * paging all formats are shown, on a page only one of each recording;
 * totalElements is wrong when limit exceeds what there is and offset is not 0
 * (Spring's PageImpl corrects it to the length of the page).
 */
void recording_calls_get(struct call *call);

/* Publishes or unpublishes whole ids; not found only if none is known. */
void recording_calls_publish(struct call *call);

/* Moves whole ids to the state deleted; not found only if none is known. */
void recording_calls_delete(struct call *call);

/*
 * Sets metadata, or removes what is set to nothing.  Not found only if none is
 * known as a whole; then each id is a prefix of what is changed.
 */
void recording_calls_update(struct call *call);

#endif
