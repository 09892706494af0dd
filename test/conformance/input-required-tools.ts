import { acceptedContent, inputRequired, inputResponse } from '@modelcontextprotocol/server'
import type { InputRequest, McpServer, RequestStateCodec } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { textResult } from './content.ts'
import { askModel } from './input-tools.ts'

/** Signed state that the client returns in the next round of a call. */
export type RoundState = { round: number; name?: string }

const named = z.object({ name: z.string() })
const confirmed = z.object({ ok: z.boolean() })
const coloured = z.object({ color: z.string() })

const askName = (message: string): InputRequest => inputRequired.elicit({ message, requestedSchema: named })

/** Registers the tools of the modern suite with several rounds, some with a signed state. */
export function registerInputRequiredTools(server: McpServer, states: RequestStateCodec<RoundState>): void {
  registerSingleInputTools(server)
  registerStateTools(server, states)

  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks only for what the client declared that it can answer' },
    ctx => {
      if (ctx.mcpReq.inputResponses) return textResult('Answered.')
      // oxlint-disable-next-line typescript/no-deprecated -- the one accessor that holds on both eras
      const declared = server.server.getClientCapabilities()
      const inputRequests: Record<string, InputRequest> = {}
      if (declared?.elicitation) inputRequests['user_name'] = askName('What is your name?')
      if (declared?.sampling) inputRequests['greeting'] = askModel('Generate a greeting')
      if (declared?.roots) inputRequests['client_roots'] = inputRequired.listRoots()
      if (Object.keys(inputRequests).length === 0)
        return textResult('The client declared nothing to ask for.')
      return inputRequired({ inputRequests })
    },
  )
}

function registerSingleInputTools(server: McpServer): void {
  server.registerTool(
    'test_input_required_result_elicitation',
    { description: 'Asks the user for a name' },
    ctx => {
      const answer = acceptedContent(ctx.mcpReq.inputResponses, 'user_name', named)
      if (answer) return textResult(`Hello, ${answer.name}!`)
      return inputRequired({ inputRequests: { user_name: askName('What is your name?') } })
    },
  )

  server.registerTool(
    'test_input_required_result_sampling',
    { description: 'Asks the client for a completion' },
    ctx => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, 'capital_question')
      if (answer.kind === 'sampling') return textResult(JSON.stringify(answer.result.content))
      return inputRequired({
        inputRequests: { capital_question: askModel('What is the capital of France?') },
      })
    },
  )

  server.registerTool(
    'test_input_required_result_list_roots',
    { description: 'Asks the client for its roots' },
    ctx => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, 'client_roots')
      if (answer.kind === 'roots') return textResult(answer.roots.map(root => root.uri).join('\n'))
      return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
    },
  )
}

function registerStateTools(server: McpServer, states: RequestStateCodec<RoundState>): void {
  for (const name of [
    'test_input_required_result_request_state',
    'test_input_required_result_tampered_state',
  ]) {
    server.registerTool(
      name,
      { description: 'Asks for a confirmation and checks the state that comes back with it' },
      async ctx => {
        const state = ctx.mcpReq.requestState<RoundState>()
        const answer = acceptedContent(ctx.mcpReq.inputResponses, 'confirm', confirmed)
        if (state?.round === 1 && answer) return textResult('state-ok')
        return inputRequired({
          inputRequests: {
            confirm: inputRequired.elicit({ message: 'Please confirm', requestedSchema: confirmed }),
          },
          requestState: await states.mint({ round: 1 }),
        })
      },
    )
  }

  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'Asks for a name, a completion and the roots at once' },
    async ctx => {
      const responses = ctx.mcpReq.inputResponses
      const answer = acceptedContent(responses, 'user_name', named)
      const greeting = inputResponse(responses, 'greeting')
      const roots = inputResponse(responses, 'client_roots')
      if (ctx.mcpReq.requestState() && answer && greeting.kind === 'sampling' && roots.kind === 'roots') {
        return textResult(
          `${JSON.stringify(greeting.result.content)} ${answer.name}, ${roots.roots.length} roots`,
        )
      }
      return inputRequired({
        inputRequests: {
          user_name: askName('What is your name?'),
          greeting: askModel('Generate a greeting', 50),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await states.mint({ round: 1 }),
      })
    },
  )

  server.registerTool(
    'test_input_required_result_multi_round',
    { description: 'Asks for a name, then for a color' },
    async ctx => {
      const state = ctx.mcpReq.requestState<RoundState>()
      const step1 = acceptedContent(ctx.mcpReq.inputResponses, 'step1', named)
      const step2 = acceptedContent(ctx.mcpReq.inputResponses, 'step2', coloured)
      if (state?.name !== undefined && step2) return textResult(`${state.name} likes ${step2.color}.`)
      if (state?.round === 1 && step1) {
        return inputRequired({
          inputRequests: {
            step2: inputRequired.elicit({
              message: 'Step 2: What is your favorite color?',
              requestedSchema: coloured,
            }),
          },
          requestState: await states.mint({ round: 2, name: step1.name }),
        })
      }
      return inputRequired({
        inputRequests: { step1: askName('Step 1: What is your name?') },
        requestState: await states.mint({ round: 1 }),
      })
    },
  )
}
