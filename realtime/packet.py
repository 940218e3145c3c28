"""A Socket.IO packet, held to the specification (v5) where python-socketio is lenient."""

from typing import Any

from socketio.packet import ACK, CONNECT, CONNECT_ERROR, EVENT, Packet

# of the specification's clients and servers; and python-socketio's own word for every other event
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", "*"})


class StrictPacket(Packet):
    """What Flask-SocketIO reads and writes (its option `serializer`). We have one namespace, and no binary."""

    data: Any

    def encode(self) -> Any:
        if self.packet_type == CONNECT_ERROR and isinstance(self.data, str):
            known = self.namespace in (None, "/")
            self.data = {"message": self.data if known else "Invalid namespace"}
        return super().encode()

    def decode(self, encoded_packet: str) -> Any:
        """Raises `ValueError`, or another error of the library's parser, where the packet is none."""
        attachments = super().decode(encoded_packet)
        if not self._is_valid():
            raise ValueError("a packet's payload, event or namespace is not as specified")
        return attachments

    def _is_valid(self) -> bool:
        if self.packet_type == CONNECT:
            return self.data is None or isinstance(self.data, dict)
        if self.namespace not in (None, "/"):
            return False  # nobody can be connected to it
        if self.packet_type == EVENT:
            return isinstance(self.data, list) and bool(self.data) and _names_an_event(self.data[0])
        if self.packet_type == ACK:
            return isinstance(self.data, list)
        return True


def _names_an_event(name: Any) -> bool:
    return (isinstance(name, str) and name not in RESERVED) or (isinstance(name, int) and not isinstance(name, bool))
