"""Offers and answers of one leg, agreed upon again (RFC 3264, `pbx.sip.offer_answer`)."""

from __future__ import annotations

from pbx.sip import offer_answer, secure_media
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.multipart import session_body
from pbx.sip.offer_answer import Answer
from pbx.sip.reliable import rseq_of
from pbx.sip.sdp import Direction, MediaDescription, Sdp
from pbx.trace.file import SessionMark
from pbx.trace.verdict import Unknown, compare
from pbx.trace.words import session_words

Asked = tuple[str, int]  # method and CSeq number of the request that a description belongs to
MAX_OFFERS = 64


class Sessions:
    def __init__(self) -> None:
        self._ours: dict[Asked, Sdp] = {}
        self._theirs: dict[Asked, Sdp] = {}
        self._late: tuple[int, Sdp] | None = None  # our offer in the answer to an INVITE that made none
        self._settled: set[tuple[Asked, str]] = set()
        self._of_fork: dict[str, Answer] = {}
        self._agreed: Answer | None = None
        self._wish = Direction.SENDRECV  # what we are willing to do: another one begins with an offer that is accepted
        self._cut = False

    def cut(self) -> None:
        """Records are missing here: what was agreed upon before stands no more."""
        self.__init__()  # type: ignore[misc]
        self._cut = True

    def received(self, message: Request | Response) -> None:
        described = _described(message)
        if isinstance(message, Response):
            self._hear_answer(message, described)
        elif described is not None:
            if self._late is not None and message.method in ("ACK", "PRACK"):
                self._agree(self._late[1], described)
                self._late = None
            else:
                _keep(self._theirs, _key(message), described)

    def sent(self, message: Request | Response) -> None:
        described = _described(message)
        if described is None:
            return
        if isinstance(message, Request):
            _keep(self._ours, _key(message), described)
        elif message.status < 300:
            self._answer(message, described)

    def compare(self, mark: SessionMark) -> None:
        """Raises Differs, Unknown."""
        if self._agreed is None and self._cut:
            raise Unknown
        replayed = session_words(self._agreed) if self._agreed is not None else ["none"]
        compare("session", ", ".join(mark.words), ", ".join(replayed))

    def _answer(self, response: Response, ours: Sdp) -> None:
        """A description of ours in a response: the answer to their offer, or an offer where they made none."""
        key = _key(response)
        theirs = self._theirs.get(key)
        if theirs is None:
            if self._late is None or self._late[0] != key[1]:
                self._late = key[1], ours
            return
        if (key, "") in self._settled:
            return
        self._settled.add((key, ""))
        self._agreed = _answered_again(theirs, ours, self._wish)

    def _hear_answer(self, response: Response, theirs: Sdp | None) -> None:
        key, tag = _key(response), response.to.tag or ""
        offered = self._ours.get(key)
        if offered is None or not 100 < response.status < 300 or (key, tag) in self._settled:
            return
        if response.is_success or (theirs is not None and rseq_of(response) is not None):
            self._settled.add((key, tag))
        if response.is_success:
            self._wish = offered.direction_of(_live(offered))
        if theirs is not None:
            self._agree(offered, theirs, tag)
        if response.is_success and tag in self._of_fork and (key, tag) in self._settled and theirs is None:
            self._agreed = self._of_fork[tag]

    def _agree(self, offered: Sdp, answer: Sdp, tag: str = "") -> None:
        try:
            agreed = offer_answer.accept(offered, answer)
        except RemoteProtocolError:
            return  # what stood before stands
        if agreed.remote_address is None or ":" not in agreed.remote_address:
            self._agreed = self._of_fork[tag] = agreed


def _live(sdp: Sdp) -> MediaDescription:
    """The one stream of ours that was not refused."""
    return next((media for media in sdp.media if media.port), sdp.media[0])


def _answered_again(theirs: Sdp, ours: Sdp, wish: Direction) -> Answer:
    """What our answer follows from: their offer, our address and codecs, and the direction that the leg wished."""
    stream = _live(ours)
    return offer_answer.answer(
        theirs,
        address=ours.connection_of(stream) or "",
        port=stream.port,
        supported=offer_answer.in_common(ours),
        direction=wish,
        session_id=0,
        version=0,
        secrecy=secure_media.of_answer(ours, stream),
    )


def _described(message: Request | Response) -> Sdp | None:
    try:
        body = session_body(message)
        return Sdp.parse(body) if body else None
    except RemoteProtocolError:
        return None


def _key(message: Request | Response) -> Asked:
    return message.cseq.method, message.cseq.number


def _keep(offers: dict[Asked, Sdp], key: Asked, offer: Sdp) -> None:
    offers[key] = offer
    if len(offers) > MAX_OFFERS:
        del offers[next(iter(offers))]
