"""R-01 down to the disk: a flush stands between a write and its answer, and a power cut at any point loses no answer."""

from __future__ import annotations

import copy
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chaos.disk import Disk, lay_out
from tests.chaos.load import Client, comments, tickets
from tests.chaos.province import kept_after_cut
from tests.chaos.recorded import Recording, answered_comments, answered_files, answered_numbers, record
from tests.chaos.trace import Event, Sent, SyncBegins, SyncEnds, Write
from tests.servers.nursery import Nursery
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(600)]
CUTS = 20


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Recording:
    """The program as it is."""
    return record(tmp_path_factory.mktemp("recorded"), nursery)


@pytest.fixture(scope="module")
def careless_recording(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Recording:
    """The program made to run with synchronous=OFF."""
    return record(tmp_path_factory.mktemp("careless"), nursery, careless=True)


def test_the_record_is_of_a_real_load(recording: Recording) -> None:
    sent = set().union(*(answered_numbers(event) for event in recording.events))
    assert set(tickets(recording.requests)) <= sent
    assert len(sent) >= CUTS
    said = set().union(*(answered_comments(event) for event in recording.events))
    assert {each.body["text"] for each in comments(recording.requests)} <= said
    assert set().union(*(answered_files(event) for event in recording.events)), "no file was attached"


def test_the_record_gives_the_database_as_it_is(recording: Recording) -> None:
    """Replayed to the end, the recorded writes are the files: nothing was written past the record."""
    disk = Disk.of(recording.state)
    replayed = replay(recording, len(recording.events))
    for path in (recording.database, Path(f"{recording.database}-wal")):
        now = disk.names.get(str(path))
        then = replayed.names.get(str(path))
        assert (then and bytes(then.seen)) == (now and bytes(now.seen)), path


def replay(recording: Recording, until: int) -> Disk:
    """The disk after that many events. Recordings are shared by tests, so each replays onto a copy."""
    disk = copy.deepcopy(recording.before)
    disk.replay(recording.events[:until])
    return disk


def test_R_01_a_flush_stands_between_the_write_and_the_answer(recording: Recording) -> None:
    """For each answer: the ticket went into the log, then fsync was called and returned, then the answer left."""
    log = f"{recording.database}-wal"
    answered = {number: request.body["title"].encode() for number, request in tickets(recording.requests).items()}
    written: dict[str, int] = {}  # number -> the system call that first wrote it
    begun: dict[int, int] = {}
    flushed_from = -1  # the latest begin of a flush of the log that has returned
    checked = set()
    for position, event in enumerate(recording.events):
        match event:
            case Write(path, _, data) if path == log:
                written |= {n: position for n in answered if n not in written and answered[n] in data}
            case SyncBegins(path, ticket) if path == log:
                begun[ticket] = position
            case SyncEnds(path, ticket) if path == log:
                flushed_from = max(flushed_from, begun[ticket])
            case Sent():
                for number in answered_numbers(event) & set(answered):
                    assert written[number] < flushed_from < position, f"{number} was answered before it was safe"
                    checked.add(number)
    assert checked == set(answered)


def test_R_01_a_power_cut_at_any_point_loses_no_answer(recording: Recording, tmp_path: Path) -> None:
    assert losses(recording, tmp_path) == []


def test_without_flushing_the_same_power_cuts_lose_answers(careless_recording: Recording, tmp_path: Path) -> None:
    log = f"{careless_recording.database}-wal"
    assert not any(isinstance(event, SyncEnds) and event.path == log for event in careless_recording.events)
    assert losses(careless_recording, tmp_path) != []


def cuts(recording: Recording, seed: int) -> list[int]:
    """Random instants between the first answer and the end, in order."""
    first = next(i for i, event in enumerate(recording.events) if answered_numbers(event))
    return sorted(random.Random(seed).sample(range(first, len(recording.events) + 1), CUTS))


def losses(recording: Recording, folder: Path) -> list[str]:
    """Cuts the power at CUTS random instants; says what was missing or broken after each."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    disk, done, answered, found = copy.deepcopy(recording.before), 0, Answered(), []
    for cut in cuts(recording, seed):
        for event in recording.events[done:cut]:
            disk.apply(event)
            answered.hear(event)
        done = cut
        left = folder / f"cut-{cut}"
        lay_out(disk.after_cut(chance), recording.state, left)
        found += [f"cut {cut}: {each}" for each in answered.missing(left)]
    return found


@dataclass
class Answered:
    """What people were told is done."""

    tickets: set[str] = field(default_factory=set)
    comments: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def hear(self, event: Event) -> None:
        self.tickets |= answered_numbers(event)
        self.comments |= answered_comments(event)
        self.files |= answered_files(event)

    def missing(self, state: Path) -> list[str]:
        kept = kept_after_cut(state / "taxops.db")
        if kept is None:
            return ["the database is broken"]
        gone = {
            "tickets": self.tickets - set(kept.tickets),
            "comments": self.comments - set(kept.comments),
            "files": {digest for digest in self.files if digest not in kept.files or not whole(state, digest)},
        }
        return [f"{len(lost)} {what} are gone" for what, lost in gone.items() if lost]


def whole(state: Path, digest: str) -> bool:
    """Whether the attachment's bytes are there and are the ones it was named by."""
    path = state / "attachments" / digest[:2] / digest
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_R_01_the_program_itself_starts_after_a_power_cut(
    recording: Recording, tmp_path: Path, taxops_server: Callable[..., TaxopsServer], nursery: Nursery
) -> None:
    """Not only the database: with all files (samples, index, keys) as a cut left them it starts and shows the tickets."""
    chance = random.Random(3)
    for number, cut in enumerate(chance.sample(cuts(recording, 3), 3)):
        disk = replay(recording, cut)
        answered = set[str]().union(*(answered_numbers(event) for event in recording.events[:cut]))
        server = taxops_server(f"after-cut-{number}", nursery=nursery)
        lay_out(disk.after_cut(chance), recording.state, server.state)
        server.start()
        with Client(server.port, recording.token) as client:
            for name in sorted(answered & set(tickets(recording.requests)))[-5:]:
                assert client.call("GET", f"/tickets/{name}").status == 200
        server.stop()
