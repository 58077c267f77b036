# After a change: verify servers, show what fails and whom a fix would cut off, and end with the status of the verify.
# rdp-probe must be on the PATH of the machine that this runs on.
param(
    [Parameter(Mandatory)] [string[]] $Server,
    [string] $Policy = 'strict'
)

$lines = & rdp-probe verify @Server --policy $Policy --retry-until 5m --json
$status = $LASTEXITCODE
if ($status -eq 2) { exit 2 }   # its message is on the error stream

$found = $lines | ForEach-Object { $_ | ConvertFrom-Json }
foreach ($one in $found) {
    '{0}:{1} {2} {3}' -f $one.target.host, $one.target.port, $one.verdict, $one.reason
    $one.blockers | ForEach-Object { "  no client can connect: $($_.summary) ($($_.code))" }
    $one.rules | Where-Object state -in 'failed', 'unknown' | ForEach-Object {
        '  {0,-8} {1,-30} {2}' -f $_.state, $_.rule, $_.message
        $_.fix | ForEach-Object { "           fix: $_" }
        $_.cut_off | ForEach-Object { "           would cut off: $($_.client)" }
        if ($_.cut_off_open) { "           cannot be told, --depth full: $($_.cut_off_open -join '; ')" }
    }
    if ($one.locked_out_open) { "  $($one.locked_out_open.Count) clients of which it cannot be told whether they connect" }
}
exit $status
