"""A radio for a guest's serial line, and an FTMS bike in its reach.

    python tests/vm/bumble_bike.py LINE ADDRESS NOTIFICATION

LINE is the unix socket at which QEMU has the guest's serial port, NOTIFICATION in hex what the bike
at that address says four times a second. Bumble is a Bluetooth stack in Python; its controller is
the guest's, as the radio of a Raspberry Pi is on a UART. It has an environment of its own:
requirements.txt.
"""

import asyncio
import sys

from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData, PhysicalTransport
from bumble.device import Device
from bumble.gatt import Characteristic, Service
from bumble.hci import (
    Address,
    HCI_ErrorCode,
    HCI_LE_Connection_Complete_Event,
    HCI_LE_Create_Connection_Cancel_Command,
    HCI_Reset_Command,
    HCI_StatusReturnParameters,
    LeFeatureMask,
    Role,
)
from bumble.host import Host
from bumble.link import LocalLink
from bumble.ll import TerminateInd
from bumble.transport.common import AsyncPipeSink
from bumble.transport.unix import open_unix_client_transport

NAME = "Virtual Bike"
EVERY_S = 0.25

FITNESS_MACHINE, FEATURE, INDOOR_BIKE_DATA = 0x1826, 0x2ACC, 0x2AD2


class Radio(Controller):  # type: ignore[misc]
    """Bumble's controller, made so that Linux can end what it has begun.

    Offered are the features of Bluetooth 4.2: of the newer ones, Linux makes use in ways that
    Bumble does not answer, and a link would then look connected forever.
    """

    le_features = LeFeatureMask.LE_ENCRYPTION | LeFeatureMask.LE_PING

    def on_hci_reset_command(self, command: HCI_Reset_Command) -> HCI_StatusReturnParameters:
        """A reset radio has no links: the other side sees them end."""
        for connection in list(self.le_connections.values()):
            connection.send_ll_control_pdu(TerminateInd(HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR))
        self.le_connections.clear()
        self.pending_le_connection = None
        self.le_scan_enable = False
        return super().on_hci_reset_command(command)

    def on_hci_le_create_connection_cancel_command(
        self, command: HCI_LE_Create_Connection_Cancel_Command
    ) -> HCI_StatusReturnParameters:
        """What is cancelled is over, with an event that says so."""
        if self.pending_le_connection is None:
            return HCI_StatusReturnParameters(HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        pending, self.pending_le_connection = self.pending_le_connection, None
        over = HCI_LE_Connection_Complete_Event(
            status=HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=Role.CENTRAL,
            peer_address_type=pending.peer_address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, over)
        return HCI_StatusReturnParameters(HCI_ErrorCode.SUCCESS)


class Air(LocalLink):  # type: ignore[misc]
    """Data comes from the address that a connection was made with, not from the scanner's own."""

    def send_acl_data(
        self, sender: Controller, to: Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        receiver = self.find_le_controller(to)
        connection = sender.le_connections.get(to)
        if receiver is not None and connection is not None:
            asyncio.get_running_loop().call_soon(
                receiver.on_link_acl_data, connection.self_address, transport, data
            )


async def ride(bike: Device, notification: bytes) -> None:
    """Notify whoever has subscribed, as long as the process lives."""
    says = Characteristic(
        UUID.from_16_bits(INDOOR_BIKE_DATA),
        Characteristic.Properties.NOTIFY,
        Characteristic.READABLE,
        notification,
    )
    can = Characteristic(
        UUID.from_16_bits(FEATURE),
        Characteristic.Properties.READ,
        Characteristic.READABLE,
        bytes(8),
    )
    bike.add_service(Service(UUID.from_16_bits(FITNESS_MACHINE), [says, can]))
    advertised = AdvertisingData(
        [
            (AdvertisingData.FLAGS, bytes([0x06])),
            (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, b"\x26\x18"),
            (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode()),
        ]
    )
    await bike.power_on()
    await bike.start_advertising(auto_restart=True, advertising_data=bytes(advertised))
    while True:
        await bike.notify_subscribers(says)
        await asyncio.sleep(EVERY_S)


async def main(line: str, address: str, notification: str) -> None:
    air = Air()
    source, sink = await open_unix_client_transport(line)
    Radio("radio", source, sink, air, "00:1A:7D:DA:71:01")
    pedals = Controller("bike", link=air, public_address=Address(address))
    host = Host(pedals, AsyncPipeSink(pedals))
    await ride(Device(NAME, Address(address), host=host), bytes.fromhex(notification))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
