import type { Outgoing } from '../../channels/channel.ts'
import { openQuestion, type Request } from '../../frames/approval.ts'
import { framesOf } from '../../frames/execution.ts'
import { Failure } from '../../frames/failure.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { Route } from '../pipeline.ts'
import type { Processor, Product, Work } from '../processor.ts'
import type { TokenOf } from './judge-tap.ts'
import { forgetTemplate, templateFor } from './prompt-buttons.ts'
import { promptLanguageOf } from './prompt-language.ts'
import { findSent, mustBeReachable, outgoingOf, type SendingParts, send } from './sending.ts'

/** Derives the code that approves a question from its hash: it is kept nowhere, and every process knows it. */
export type CodeOf = (hash: string) => string

/** Starts to put a question to its person. */
export const startPrompt: Route = (frames, frame) => started(questionOf(frames), frame)

/**
 * Sends a question with its code, as a message of its own, and with buttons where the person can tap. Buttons that the other side
 * refuses are left out; the text is the same with and without, so that it is found either way. Throws the SEND_… failures.
 */
export function createPostPrompt(parts: SendingParts & { codeOf: CodeOf; tokenOf: TokenOf }): Processor {
  const promptOf = (work: Work): Outgoing => {
    const { prompt, hash } = questionOf(work.execution.frames).data
    return outgoingOf(work, `${prompt} ${parts.codeOf(hash)}`)
  }
  const templateOf = ({ execution, signal }: Work, plain: Outgoing) =>
    templateFor(parts, execution, plain, promptLanguageOf(execution.frames), signal)

  async function put(work: Work): Promise<string> {
    const plain = promptOf(work)
    const template = await templateOf(work, plain)
    if (template === null) return send(parts, work, plain)
    const { hash } = questionOf(work.execution.frames).data
    const buttons = { template, approve: parts.tokenOf(hash, 'approve'), refuse: parts.tokenOf(hash, 'refuse') }
    return send(parts, work, { ...plain, buttons }).catch(async error => {
      // Only what was certainly not taken may be sent again, and only a refusal may be about the buttons.
      if (!(error instanceof Failure && error.refused && error.code === 'SEND_REFUSED')) throw error
      await forgetTemplate(parts, work.execution, promptLanguageOf(work.execution.frames))
      return send(parts, work, plain)
    })
  }

  return {
    name: 'post-prompt',
    async prepare(work) {
      await mustBeReachable(parts, work)
      await templateOf(work, promptOf(work))
    },
    run: async work => posted(work, await put(work), false),
    async recover(work) {
      const found = await findSent(parts, work, promptOf(work))
      if (found !== null) return posted(work, found, true)
      const { frames } = work.execution
      const before = framesOf(frames, 'prompt.started').filter(({ data }) => data.approval === questionOf(frames).id)
      return { draft: started(questionOf(frames), work.frame, before.length + 1) }
    }
  }
}

function questionOf(frames: readonly Frame[]): Request {
  const question = openQuestion(frames)
  if (question === undefined) throw new TypeError('no question to put')
  return question
}

function started(question: Request, parent: Frame, attempt = 1): Draft<'prompt.started'> {
  return {
    kind: 'prompt.started',
    data: { approval: question.id, attempt },
    parent: parent.id,
    provenance: deriveProvenance('outbox', question.id, [question.provenance])
  }
}

function posted({ frame }: Work, message: string, reconciled: boolean): Product {
  const { approval } = (frame as Frame<'prompt.started'>).data
  const draft: Draft<'prompt.posted'> = {
    kind: 'prompt.posted',
    data: { approval, message, reconciled },
    parent: frame.id,
    provenance: deriveProvenance('outbox', frame.id, [frame.provenance])
  }
  return { draft, extras: { refs: [message] } }
}
