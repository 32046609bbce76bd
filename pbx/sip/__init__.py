"""SIP without sockets: messages, transactions, dialogs, sessions, as values and pure functions.

Reading order: `errors`, `headers`, `uri`, `via`, `fields`, `message` (bytes and what they say); `transaction` (RFC 3261
§17); `reply`, `digest`, `registrar` (what a server answers); `dialog`, `success_retransmission` (what two ends
remember); `sdp`, `offer_answer`, `secure_media` (what they agree to hear, and how secretly).

Nothing here knows of sockets, asyncio, clocks, randomness or logs: time is an argument, effects are values. A peer can
make it raise `RemoteProtocolError` and nothing else.
"""
