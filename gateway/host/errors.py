"""Every error of the gateway, and the exit code with which it ends a command.

    GatewayError                   1  host/errors.py
        AnswerError                1  calibrating/prompt.py
        AvahiError                 1  web/mdns/avahi.py
        BufferViewError            1  buffer/inspect.py
        CalibrationError           1  calibrating/state.py
            UnsavedError           1  calibrating/guided/resistance.py
        CalibrationFormatError     1  sampling/calibration_record.py
        ClaimError                 2  setup/claim.py
        CommandError             any  cli/exits.py
        CommandRefused             1  race/commands.py
        ConfigError               78  config/problems.py
        CredentialsError          78  cloud/uplink.py
        DemoExtraError             1  simulation/extra.py
        DriverOptionsError         2  setup/driver_options.py
        FleetError                 1  simulation/fleet/plan.py
        LocalCloudError            1  simulation/cloud/client.py
        MessageError               1  calibrating/messages.py
        NameTaken                  1  setup/service_files.py
        NewerLogError              1  buffer/log_format.py
        NoAnswer                   1  cloud/iot_requests.py
        NoBackupError              1  sampling/calibration_store.py
        NoRideAnswer               3  riding/requests.py
        NoStatusError              3  status/client.py
        NotABike                   2  setup/bike_spec.py
            ProtocolMissing        2  setup/bike_spec.py
        NotConnected               1  cloud/iot_requests.py
        NotDatable                 1  telemetry/undated.py
        NotEditable               78  config/editor.py
        NotTelemetry               1  redrive/plan.py
        NotUsable                  1  calibrating/measuring/cadence.py
        PageError                  1  simulation/page/server.py
        PlanError                  2  simulation/fleet/plan.py
        ProvisioningError          1  provisioning/steps.py
            TokenRefused           1  provisioning/steps.py
        RedriveError               1  redrive/session.py
        Rejected                   1  cloud/iot_requests.py
        ResultsError               1  race/results.py
        RuleTemplateError          1  simulation/cloud/rule.py
        SetupError               any  setup/session.py
        StateDirError              1  host/state_dir.py
        StatusFormatError          1  status/report.py
        StoreError                 1  buffer/store.py
        TailFormatError            1  tail/events.py

Each is defined in the module that raises it. Its text is for the user: what is wrong, what was
expected, what to do; facts that a caller needs are attributes. gateway/cli/exits.py turns an error
into a message and an exit code. The drivers have errors of their own: BikeLost, CaptureError.
"""

FAILED = 1
USAGE = 2
#: LSB init scripts: the program is not running.
NOT_RUNNING = 3
#: EX_CONFIG of sysexits.h; the systemd unit does not restart on it.
BAD_CONFIG = 78
#: 128 + SIGINT, as in shells.
INTERRUPTED = 130


class GatewayError(Exception):
    """Base of every error of the gateway. The text is for the user: what is wrong, what to do."""

    exit_code = FAILED
