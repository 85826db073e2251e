"""A Python client of a server: recordings, speakers, models and live sessions.

    from sonant.client import Client
    client = Client("http://127.0.0.1:8000", key="sonant_...")
    client.classify("yes.wav").label
    client.extract("meeting.wav", ["anna.wav"]).save("anna_alone.wav")
    for said in client.stream("detections", chunks): ...

`AsyncClient` has the same methods for asyncio (pip install 'sonant[client]'; live sessions need that, too).
"""

from sonant.client.answers import Sound
from sonant.client.asynchronous import AsyncClient
from sonant.client.refusal import Refusal
from sonant.client.sync import URL, Client

__all__ = ["URL", "AsyncClient", "Client", "Refusal", "Sound"]
