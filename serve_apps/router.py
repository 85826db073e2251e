"""[ray] Which replica takes a request, where Ray's own proxy chooses. HAProxy has a table of its own for that.

Only Ray is imported: Serve carries this module to its proxies, which may not have our code.
"""

from __future__ import annotations

import random

from ray.serve._private.request_router.common import PendingRequest
from ray.serve._private.request_router.replica_wrapper import RunningReplica
from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter


class SessionRouter(ConsistentHashRouter):
    """Requests with the header x-session-id go to the same replica as long as it is there; others to the less busy one
    of two, as without this router."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Replicas to try, in this order; of those in one list, the less busy one."""
        if pending_request is None or pending_request.metadata.session_id or len(candidate_replicas) < 2:
            return await super().choose_replicas(candidate_replicas, pending_request)
        pending_request.routing_context.should_backoff = True
        return [random.sample(candidate_replicas, 2)]
