import { type Execution, newest } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import type { Frame } from '../frames/frame.ts'
import type { Kind } from '../frames/kinds.ts'
import { type Holder, LeaseLost } from '../inbox/lease.ts'
import type { Extras, Lease } from '../store/store.ts'
import type { Engine } from './engine.ts'
import { giveUp, meetFailure, type Place } from './failing.ts'
import { type Plan, plan } from './pipeline.ts'
import { Later, type Processor, type Product, type Work } from './processor.ts'

// Other conversations must not wait for a busy one: it goes to the back after so much.
const maxMessages = 8
const maxStayMs = 5_000
const unknownKindMs = 30_000
const lookWhileOffMs = 2_000

type Stop = { stopping: AbortSignal; ending: AbortSignal }
type Rest = Extract<Plan, { do: 'rest' }>

/** Works a lane under its lease: one message after the other in order of arrival, each from its newest frame to its rest. */
export async function workLane(engine: Engine, holder: Holder, lease: Lease, stop: Stop): Promise<void> {
  const since = engine.clock.monotonic()
  let messages = 0
  let more = true
  while (more) {
    const { execution } = holder
    const waitedMs = engine.clock.now() - Date.parse(execution.at)
    engine.observe('execution.claimed', { execution: execution.id, lane: lease.lane, fence: lease.fence, waitedMs })
    messages += 1
    const stay = () => messages < maxMessages && engine.clock.monotonic() - since < maxStayMs && !stop.stopping.aborted
    try {
      more = await workExecution(engine, holder, stop.ending, stay)
    } catch (error) {
      more = false
      await letGo(engine, holder, error)
    }
  }
}

/** Runs one execution to its rest; answers whether the holder has taken the next one of the lane. */
async function workExecution(
  engine: Engine,
  holder: Holder,
  ending: AbortSignal,
  stay: () => boolean
): Promise<boolean> {
  const { closed } = holder.execution
  if (closed === 'erased') return (await holder.finish('cancelled', [], { takeNext: stay() })) !== null
  if (closed === 'unreadable') return leaveClosed(engine, holder)
  const signal = AbortSignal.any([holder.signal, ending])
  let product: Product | null = giveUp(engine, holder.execution)
  while (true) {
    let at: Place = { step: 'plan', frame: newest(holder.execution.frames) }
    try {
      const { pending, next } = follow(engine, holder, product)
      const extras = extrasOf(pending, product)
      if (next.do === 'rest') return await rest(engine, holder, next, pending, extras, stay())
      const kept = pending.length > 0 ? holder.append(pending, extras) : Promise.resolve()
      if (next.do !== 'run') {
        await kept
        return leave(engine, holder)
      }
      at = { step: next.processor, frame: next.frame }
      const bytes = product?.extras?.blob?.bytes
      product = await goOn(engine, holder, next, kept, { execution: ahead(holder.execution, pending), bytes, signal })
    } catch (error) {
      if (at.frame !== undefined) at = { ...at, frame: asKept(holder.execution, at.frame) }
      // Where even the apology breaks, nothing more is said.
      if (product?.draft.kind === 'work.failed') at = { ...at, step: 'send-part' }
      product = await meetFailure(engine, holder, at, signal, error)
    }
  }
}

/** Leaves an execution to a build that knows its frames. */
function leave(engine: Engine, { execution }: Holder): never {
  engine.observe('kind.unknown', { execution: execution.id, n: execution.n })
  throw new Later(engine.clock.now() + unknownKindMs)
}

/** Leaves an execution that cannot be opened until its key is there again: nothing is guessed, and nothing is lost. */
function leaveClosed(engine: Engine, { execution }: Holder): never {
  engine.observe('alert', { code: 'CONTENT_UNREADABLE', execution: execution.id })
  throw new Later(engine.clock.now() + unknownKindMs)
}

/** Adds the product and every pure frame that follows from it, so that they are kept in one write. */
function follow(
  engine: Engine,
  holder: Holder,
  product: Product | null
): { pending: Frame[]; next: Exclude<Plan, { do: 'write' }> } {
  const pending = product === null ? [] : [holder.make(product.draft, [])]
  while (true) {
    const next = plan(engine.table, [...holder.execution.frames, ...pending])
    if (next.do !== 'write') return { pending, next }
    pending.push(holder.make(next.draft, pending))
  }
}

/** The ids of a started send and of a question are names: status callbacks and decisions come back with them. */
function extrasOf(pending: readonly Frame[], product: Product | null): Extras {
  const sends = pending.filter(frame => hasName.has(frame.kind)).map(frame => frame.id)
  return { ...product?.extras, refs: [...(product?.extras?.refs ?? []), ...sends] }
}

const hasName: ReadonlySet<string> = new Set<Kind>(['reply.started', 'prompt.started', 'approval.requested'])

/** The execution as it will be when `pending` is kept. */
function ahead(execution: Execution, pending: readonly Frame[]): Execution {
  return { ...execution, n: execution.n + pending.length, frames: [...execution.frames, ...pending] }
}

/** A frame where it stands now: notes that came before it was kept have moved it. */
function asKept(execution: Execution, frame: Frame): Frame {
  return execution.frames.find(({ id }) => id === frame.id) ?? frame
}

/**
 * Does the next step, and answers once `kept`, the writing of the frames before it, has ended well too. A step without an effect
 * does not wait for the disk: should the process die now, it is done again, as if it had died a moment before.
 */
async function goOn(
  engine: Engine,
  holder: Holder,
  { processor: name, frame }: Extract<Plan, { do: 'run' }>,
  kept: Promise<void>,
  work: Omit<Work, 'frame'>
): Promise<Product> {
  const processor = engine.processors.get(name)
  if (processor === undefined) throw new TypeError(`the table names a processor that is not there: ${name}`)
  if (processor.recover !== undefined) {
    await kept
    const { execution } = holder
    return step(engine, holder, processor, { ...work, execution, frame: asKept(execution, frame) })
  }
  const [written, done] = await Promise.allSettled([kept, step(engine, holder, processor, { ...work, frame })])
  if (written.status === 'rejected') throw written.reason
  if (done.status === 'rejected') throw done.reason
  return done.value
}

async function step(engine: Engine, holder: Holder, processor: Processor, work: Work): Promise<Product> {
  const { name, recover } = processor
  await waitWhileOff(engine, name, work.execution)
  const recovering = recover !== undefined && !holder.wrote(work.frame)
  if (!recovering) await processor.prepare?.(work)
  // A process that slept with its intent written must not fire the effect on waking: the lease may be somebody else's.
  if (recover !== undefined && !(await holder.isFresh())) throw new LeaseLost()
  const started = engine.clock.monotonic()
  const product = recovering ? await recover.call(processor, work) : await processor.run(work)
  if (recovering) engine.observe('effect.recovered', { execution: work.execution.id, step: name })
  if (product.draft.kind === 'outcome.unknown') {
    engine.observe('outcome.unknown', { execution: work.execution.id, step: name })
    engine.observe('alert', { code: 'OUTCOME_UNKNOWN', execution: work.execution.id })
  }
  engine.observe('step.finished', { execution: work.execution.id, step: name, ms: engine.clock.monotonic() - started })
  return product
}

/** What the operator has switched off waits; a call of a tool is refused instead, by the one who makes it. */
async function waitWhileOff(engine: Engine, step: string, { tenant, principal }: Execution): Promise<void> {
  if (step === 'run-tool') return
  const model = step === 'think' || step === 'transcribe'
  if ((await engine.switches.stops({ tenant, principal, model })) !== null) {
    throw new Later(engine.clock.now() + lookWhileOffMs)
  }
}

async function rest(
  engine: Engine,
  holder: Holder,
  next: Rest,
  pending: readonly Frame[],
  extras: Extras,
  takeNext: boolean
): Promise<boolean> {
  const { id, at } = holder.execution
  const taken =
    next.state === 'parked'
      ? await holder.park(pending, { extras, takeNext })
      : await holder.finish(next.state, pending, { extras, takeNext })
  engine.observe('execution.finished', { execution: id, state: next.state, ms: engine.clock.now() - Date.parse(at) })
  return taken !== null
}

/** Ends the stay in a lane before its work is done. Where the lane cannot be let go the lease runs out, and it becomes due again. */
async function letGo(engine: Engine, holder: Holder, error: unknown): Promise<void> {
  if (error instanceof LeaseLost && holder.signal.aborted) return
  const isOurs = !(error instanceof Later || error instanceof LeaseLost || error instanceof Failure)
  if (isOurs && !holder.signal.aborted) tellFault(engine, holder, error)
  try {
    await holder.release(error instanceof Later ? error.at : undefined)
  } catch (fault) {
    tellFault(engine, holder, fault)
  }
}

function tellFault(engine: Engine, holder: Holder, fault: unknown): void {
  const cause = fault instanceof Failure ? fault.code : fault instanceof Error ? fault.constructor.name : 'unknown'
  engine.observe('work.stopped', { execution: holder.execution.id, cause })
}
