"""Tickets: once, and soon."""

from __future__ import annotations

import asyncio

from sonant.edge.tickets import LIFE_S, Tickets


def test_a_ticket_is_good_once_and_for_seconds() -> None:
    now = [0.0]
    tickets = Tickets(lambda: now[0])

    async def scene() -> None:
        ticket = await tickets.issue("k1")
        assert len(ticket) == 32
        assert await tickets.redeem(ticket) == "k1"
        assert await tickets.redeem(ticket) is None
        late = await tickets.issue("k1")
        now[0] = LIFE_S
        assert await tickets.redeem(late) is None
        assert await tickets.redeem("x") is None

    asyncio.run(scene())


def test_many_tickets_do_not_pile_up() -> None:
    now = [0.0]
    tickets = Tickets(lambda: now[0])

    async def scene() -> None:
        first = await tickets.issue("k1")
        for _ in range(10_000):
            last = await tickets.issue("k2")
        assert await tickets.redeem(first) is None
        assert await tickets.redeem(last) == "k2"
        now[0] = LIFE_S
        await tickets.issue("k3")
        assert len(tickets._sold) == 1

    asyncio.run(scene())
