import { visit } from './place.ts'

/** The most index keys that one statement of a claim looked at in a database while `work` ran, by the server's own profiler. */
export function keysExamined(uri: string, work: () => Promise<void>): Promise<number> {
  return visit(uri, async db => {
    await db.command({ profile: 2 })
    await work()
    await db.command({ profile: 0 })
    const isClaim = { 'command.findAndModify': { $in: ['lanes', 'executions'] } }
    const statements = await db.collection('system.profile').find(isClaim).toArray()
    if (statements.length === 0) throw new Error('the profiler saw no claim')
    return Math.max(...statements.map(({ keysExamined }) => keysExamined))
  })
}
