// Runs a command line of `knomly` and says how much memory it took at most.
import { runCommand } from '../../src/cli.ts'

process.exitCode = await runCommand(process.argv.slice(2), process)
process.stdout.write(`peak ${Math.round(process.resourceUsage().maxRSS / 1_024)} MB\n`)
