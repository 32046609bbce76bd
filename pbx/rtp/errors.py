"""The one thing that can be wrong here: what the peer sent."""


class BadPacket(Exception):
    """The datagram is no RTP, RTCP or telephone event that we can read. Drop it, count it, go on."""
