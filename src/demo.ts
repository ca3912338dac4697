import { pathToFileURL } from 'node:url'
import { createApprovalScenes } from './demo/approval-scenes.ts'
import { createHeldAgent } from './demo/held-agent.ts'
import { keepRunning } from './demo/keep.ts'
import type { Scene } from './demo/scene.ts'
import { createScenes } from './demo/scenes.ts'
import { type DemoStage, setDemoStage } from './demo/stage.ts'
import { defaultSpeechModelDir, ensureSpeechModel } from './providers/speech-model.ts'
import { createScreen, duration, type Screen } from './screen.ts'
import type { Agent } from './simulator/agent-script.ts'
import { demoAgent } from './simulator/scenarios.ts'
import { standInBanner } from './simulator/stand-in-banner.ts'

/** How the demo is run; what is not given is as `npm run demo` has it. */
export interface DemoOptions {
  readonly screen: Screen
  /** Ends the demo early, and everything that it started. */
  readonly signal: AbortSignal
  /** Leaves it running after the scenes, until the signal comes. */
  readonly keep?: boolean
  /** Shows how a person is asked before something is deleted, instead of the rest. */
  readonly approvals?: boolean
  readonly agent?: Agent
  readonly modelDir?: string
  /** How long one thing may take before it counts as not happening. */
  readonly patienceMs?: number
}

/** Shows a voice note being answered, and what happens when things go wrong. Answers 0 only if all of it held; 130 where it was stopped. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { screen, signal, keep = false, approvals = false, agent = demoAgent, patienceMs = 30_000 } = options
  const started = performance.now()
  let stage: DemoStage | undefined
  try {
    screen.print(screen.styled('bold', 'Knomly: a voice note, from the webhook to the answer'))
    screen.print(standInBanner)
    const recognisesSpeech = await findSpeechModel(options)
    const held = createHeldAgent(agent)
    stage = await setDemoStage({ agent: held.agent, recognisesSpeech, patienceMs, signal })
    await stage.server.start()
    const scenes = approvals ? createApprovalScenes(stage, screen) : createScenes(stage, held, screen)
    const failed = await playAll(scenes, options)
    screen.print(verdict(failed.length, performance.now() - started))
    if (keep) await keepRunning(stage, screen, signal)
    return failed.length === 0 ? 0 : 1
  } catch (error) {
    screen.print(
      signal.aborted ? '\nStopped.' : `\nThe demo cannot go on. ${error instanceof Error ? error.message : error}`
    )
    return signal.aborted ? 130 : 1
  } finally {
    await stage?.close()
  }
}

/** Sees to the speech model; without it the demo goes on with canned words, and says so. */
async function findSpeechModel({ screen, signal, modelDir = defaultSpeechModelDir }: DemoOptions): Promise<boolean> {
  try {
    await ensureSpeechModel({ dir: modelDir, signal, report: line => screen.print(line) })
    screen.print('Speech is recognised for real, on this machine (Moonshine tiny-en).')
    return true
  } catch (error) {
    signal.throwIfAborted()
    screen.print(error instanceof Error ? error.message : String(error))
    screen.print('So this time no speech is recognised: the words are canned (test/voices/transcripts.jsonl),')
    screen.print('and the stand-in answers with them as a speech service would.')
    return false
  }
}

/** Plays every scene, also after one that did not hold; answers those. */
async function playAll(scenes: readonly Scene[], { screen, signal }: DemoOptions): Promise<Scene[]> {
  const failed: Scene[] = []
  for (const [i, scene] of scenes.entries()) {
    screen.print(screen.styled('bold', `\n${i + 1}  ${scene.title}`))
    await scene.play().catch((error: Error) => {
      signal.throwIfAborted()
      screen.print(screen.styled('red', `   did not hold: ${error.message}`))
      failed.push(scene)
    })
  }
  screen.print()
  for (const scene of scenes) {
    const mark = failed.includes(scene) ? screen.styled('red', 'no ') : screen.styled('green', 'yes')
    screen.print(`${mark}  ${scene.holds}`)
  }
  return failed
}

function verdict(failed: number, tookMs: number): string {
  const what = failed === 0 ? 'All of it held' : `${failed} of it did not hold`
  return `\n${what}, in ${duration(tookMs)}.`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())
  const has = (word: string) => process.argv.includes(word)
  const asked = { keep: has('--keep'), approvals: has('approvals') }
  process.exitCode = await runDemo({ screen: createScreen(process.stdout), signal: stopping.signal, ...asked })
}
