// Runs the demo as a test wants it: where no speech model can be had, or with a language model that never answers.

import { runDemo } from '../src/demo.ts'
import { createScreen } from '../src/screen.ts'
import { demoAgent } from '../src/simulator/scenarios.ts'

const { DEMO_MODEL_DIR, DEMO_AGENT } = process.env

const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())
process.exitCode = await runDemo({
  screen: createScreen(process.stdout),
  signal: stopping.signal,
  ...(DEMO_MODEL_DIR !== undefined && { modelDir: DEMO_MODEL_DIR }),
  agent: DEMO_AGENT === 'silent' ? () => new Promise(() => undefined) : demoAgent,
  patienceMs: DEMO_AGENT === 'silent' ? 1_000 : 30_000
})
