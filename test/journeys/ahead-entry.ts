// Starts the server with a clock that is ahead: for what would take minutes to come about.
import { startServer } from '../../src/server.ts'

const { now } = Date
Date.now = () => now() + Number(process.env.AHEAD_MS)

await startServer(process.env)
