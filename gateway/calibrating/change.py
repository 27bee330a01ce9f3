"""What changes a saved calibration, carried out on the files: by the daemon, or where none runs."""

from gateway.calibrating.messages import Change, Done, Reset, Rollback, Save
from gateway.calibrating.session import CalibrationError
from gateway.sampling.calibration_store import CalibrationStore, NoBackupError


def carry_out(change: Change, bike_id: str, device: str, store: CalibrationStore) -> Done:
    """On disk when it returns. Blocking. Raises CalibrationError; nothing has changed then."""
    try:
        match change:
            case Save(record):
                if (record.bike_id, record.device) != (bike_id, device):
                    raise CalibrationError(
                        f"not saved: this calibration is of {record.bike_id} on {record.device}; "
                        f"expected {bike_id} on {device}"
                    )
                return Done(str(store.save(record)), record)
            case Rollback(number):
                return Done(record=store.rollback(bike_id, number))
            case Reset():
                store.reset(bike_id)
                return Done()
    except NoBackupError as error:
        raise CalibrationError(str(error)) from None
    except OSError as error:
        why = error.strerror or error
        raise CalibrationError(f"{store.directory}: {why}: nothing was changed") from error
