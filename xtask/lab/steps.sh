# Runs the steps that the host gives this guest. At a line "# stop" other scenarios part from this one: the guest stops
# itself, and the host saves it. A guest that goes on from there may have other steps, so they are read again.
STEPS=/sys/firmware/qemu_fw_cfg/by_name/opt/lab/steps/raw
# qemu stops the guest when something is written to this address (the device pvpanic-pci, which no driver uses).
read -r STOP _ </sys/bus/pci/devices/0000:00:1e.0/resource
STOPS=0
while :; do
  TEXT=$(cat $STEPS)
  PASSED=0
  while [ $PASSED -lt $STOPS ]; do
    TEXT=${TEXT#*"# stop"}
    PASSED=$((PASSED + 1))
  done
  eval "${TEXT%%"# stop"*}"
  case $TEXT in
    *"# stop"*) ;;
    *) break ;;
  esac
  STOPS=$((STOPS + 1))
  devmem "$STOP" 8 1
done
