"""A TCP proxy before a broker that can lose answers: a Produce request goes through, its answer does not come back."""
import asyncio
import struct
import threading

PRODUCE = 0


class Proxy:
    """In a thread of its own. cut(n): the answers of the next n Produce requests are lost, with their connections."""

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.lost = 0  # answers that the broker gave and no one got
        self._upstream_port = upstream_port
        self._to_cut = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait()

    def cut(self, answers: int) -> None:
        self._loop.call_soon_threadsafe(self._set_cut, answers)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _set_cut(self, answers: int) -> None:
        self._to_cut = answers

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        doomed: set[int] = set()
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            writer.close()
            return
        ways = [asyncio.create_task(self._requests(reader, up_writer, doomed)),
                asyncio.create_task(self._answers(up_reader, writer, doomed))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, up_writer):
            end.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: set[int]) -> None:
        while True:
            frame = await _read_frame(reader)
            kind, _, correlation = struct.unpack_from(">hhi", frame, 4)
            if kind == PRODUCE and self._to_cut > 0:
                self._to_cut -= 1
                doomed.add(correlation)
            writer.write(frame)
            await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: set[int]) -> None:
        while True:
            frame = await _read_frame(reader)
            if struct.unpack_from(">i", frame, 4)[0] in doomed:
                self.lost += 1
                return  # the connection goes with it
            writer.write(frame)
            await writer.drain()


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(struct.unpack(">i", head)[0])
