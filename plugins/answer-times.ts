import fp from 'fastify-plugin'

/** Observes every answer of the scope it is mounted in: route, status and time, for the metrics and the log. */
export const answerTimes = fp<{ event: 'webhook.answered' | 'api.answered' }>(
  async (app, { event }) => {
    const { observe } = app.system
    app.addHook('onResponse', (request, reply, done) => {
      observe(event, { route: request.routeOptions.url ?? 'none', status: reply.statusCode, ms: reply.elapsedTime })
      done()
    })
  },
  { name: 'answer-times', dependencies: ['system'] }
)
