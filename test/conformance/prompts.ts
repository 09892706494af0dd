import { acceptedContent, completable, inputRequired } from '@modelcontextprotocol/server'
import type { GetPromptResult, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { redPixelPng } from './content.ts'

type Content = GetPromptResult['messages'][number]['content']

function userMessages(...contents: Content[]): GetPromptResult {
  return { messages: contents.map(content => ({ role: 'user', content })) }
}

/** Registers the prompts of the conformance suite. One of them needs input from the user. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'A prompt without arguments' }, () =>
    userMessages({ type: 'text', text: 'This is a simple prompt for testing.' }),
  )

  const cities = ['paris', 'parma', 'porto']
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'A prompt with two arguments, the first of which can be completed',
      argsSchema: z.object({
        arg1: completable(z.string().describe('First test argument'), value =>
          cities.filter(city => city.startsWith(value)),
        ),
        arg2: z.string().describe('Second test argument'),
      }),
    },
    ({ arg1, arg2 }) =>
      userMessages({ type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }),
  )

  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      description: 'A prompt that embeds a resource',
      argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource to embed') }),
    },
    ({ resourceUri }) =>
      userMessages(
        {
          type: 'resource',
          resource: {
            uri: resourceUri,
            mimeType: 'text/plain',
            text: 'Embedded resource content for testing.',
          },
        },
        { type: 'text', text: 'Please process the embedded resource above.' },
      ),
  )

  server.registerPrompt('test_prompt_with_image', { description: 'A prompt that holds an image' }, () =>
    userMessages(
      { type: 'image', data: redPixelPng, mimeType: 'image/png' },
      { type: 'text', text: 'Please analyze the image above.' },
    ),
  )

  const context = z.object({ context: z.string() })
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'A prompt that asks the user for its context' },
    ctx => {
      const answer = acceptedContent(ctx.mcpReq.inputResponses, 'user_context', context)
      if (answer) return userMessages({ type: 'text', text: `Use this context: ${answer.context}` })
      return inputRequired({
        inputRequests: {
          user_context: inputRequired.elicit({
            message: 'What context should the prompt use?',
            requestedSchema: context,
          }),
        },
      })
    },
  )
}
