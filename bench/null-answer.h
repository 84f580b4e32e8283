/* What the null responders answer: as long as the gateway's answer to a join. */
#ifndef NULL_ANSWER_H
#define NULL_ANSWER_H

static const char null_answer[] =
    "Status: 302 Found\r\n"
    "Location: http://127.0.0.1:20200/bigbluebutton/api/join?fullName=Ann&meetingID=m-1-1"
    "&role=viewer&checksum=0000000000000000000000000000000000000000000000000000000000000000\r\n"
    "Cache-Control: no-store\r\n"
    "X-Request-Id: 0000000000000000\r\n"
    "Content-Length: 0\r\n\r\n";

#endif
