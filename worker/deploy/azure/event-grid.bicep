// Events of one AKS cluster to the queue of the workers on Azure Storage, and to their webhook where one is named.
//   az deployment group create -g GROUP_OF_THE_CLUSTER -f event-grid.bicep -p clusterName=aks-prod storageAccountName=poolprooffleet
// What Event Grid tells comes after the change began, or after its end; proposals come from pipelines (poolproof submit).
targetScope = 'resourceGroup'

@description('The AKS cluster whose changes are scored; in this resource group.')
param clusterName string

@description('The storage account of queue and dead letters; in this resource group.')
param storageAccountName string

@description('The queue that workers read: azqueue://ACCOUNT/QUEUE.')
@minLength(3)
@maxLength(56)
param queueName string = 'changes'

@description('https://HOST/events of a worker with --listen; events go to the queue alone where it is empty.')
param webhookUrl string = ''

@description('What the worker is given as POOLPROOF_LISTEN_SECRET.')
@secure()
param webhookSecret string = ''

var storageQueueDataMessageSender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var toWebhook = !empty(webhookUrl)

// Both kinds of event are about the cluster or one of its pools.
var rolling = [
  'Microsoft.ContainerService.NodePoolRollingStarted'
  'Microsoft.ContainerService.NodePoolRollingSucceeded'
  'Microsoft.ContainerService.NodePoolRollingFailed'
]
var writes = [
  'Microsoft.Resources.ResourceWriteSuccess'
  'Microsoft.Resources.ResourceWriteFailure'
  'Microsoft.Resources.ResourceWriteCancel'
  'Microsoft.Resources.ResourceActionSuccess'
  'Microsoft.Resources.ResourceActionFailure'
  'Microsoft.Resources.ResourceDeleteSuccess'
]
var retries = {
  maxDeliveryAttempts: 30
  eventTimeToLiveInMinutes: 1440
}

resource cluster 'Microsoft.ContainerService/managedClusters@2024-05-01' existing = {
  name: clusterName
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageAccountName
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' existing = {
  parent: storage
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queueService
  name: queueName
}

resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queueService
  name: '${queueName}-poison'
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' existing = {
  parent: storage
  name: 'default'
}

// What Event Grid itself could not deliver.
resource undelivered 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobService
  name: 'undelivered'
}

resource clusterTopic 'Microsoft.EventGrid/systemTopics@2022-06-15' = {
  name: 'poolproof-${clusterName}'
  location: cluster.location
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: cluster.id
    topicType: 'Microsoft.ContainerService.ManagedClusters'
  }
}

// A source has one system topic: where the group has one already, take that.
resource groupTopic 'Microsoft.EventGrid/systemTopics@2022-06-15' = {
  name: 'poolproof-${resourceGroup().name}'
  location: 'global'
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: resourceGroup().id
    topicType: 'Microsoft.Resources.ResourceGroups'
  }
}

resource clusterTopicSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(queue.id, clusterTopic.id, storageQueueDataMessageSender)
  scope: queue
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageQueueDataMessageSender)
    principalId: clusterTopic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource groupTopicSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(queue.id, groupTopic.id, storageQueueDataMessageSender)
  scope: queue
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageQueueDataMessageSender)
    principalId: groupTopic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource clusterTopicGivesUp 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(undelivered.id, clusterTopic.id, storageBlobDataContributor)
  scope: undelivered
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: clusterTopic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource groupTopicGivesUp 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(undelivered.id, groupTopic.id, storageBlobDataContributor)
  scope: undelivered
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: groupTopic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

// Messages on the queue do not expire; each is one event in base64.
var toQueue = {
  identity: {
    type: 'SystemAssigned'
  }
  destination: {
    endpointType: 'StorageQueue'
    properties: {
      resourceId: storage.id
      queueName: queueName
      queueMessageTimeToLiveInSeconds: -1
    }
  }
}
var whenGivenUp = {
  identity: {
    type: 'SystemAssigned'
  }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: storage.id
      blobContainerName: 'undelivered'
    }
  }
}

resource rollingToQueue 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  parent: clusterTopic
  name: 'poolproof-queue'
  properties: {
    deliveryWithResourceIdentity: toQueue
    deadLetterWithResourceIdentity: whenGivenUp
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: rolling
    }
    retryPolicy: retries
  }
  dependsOn: [
    queue
    clusterTopicSends
    clusterTopicGivesUp
  ]
}

resource writesToQueue 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  parent: groupTopic
  name: 'poolproof-queue-${clusterName}'
  properties: {
    deliveryWithResourceIdentity: toQueue
    deadLetterWithResourceIdentity: whenGivenUp
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: writes
      // Azure writes resource ids in more than one case.
      subjectBeginsWith: cluster.id
      isSubjectCaseSensitive: false
    }
    retryPolicy: retries
  }
  dependsOn: [
    queue
    groupTopicSends
    groupTopicGivesUp
  ]
}

// The worker answers the handshake by itself, so it must listen before this is deployed.
resource writesToWebhook 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = if (toWebhook) {
  parent: groupTopic
  name: 'poolproof-webhook-${clusterName}'
  properties: {
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: webhookUrl
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
        deliveryAttributeMappings: [
          {
            name: 'Authorization'
            type: 'Static'
            properties: {
              value: 'Bearer ${webhookSecret}'
              isSecret: true
            }
          }
        ]
      }
    }
    deadLetterWithResourceIdentity: whenGivenUp
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: writes
      subjectBeginsWith: cluster.id
      isSubjectCaseSensitive: false
    }
    retryPolicy: retries
  }
  dependsOn: [
    groupTopicGivesUp
  ]
}

@description('What workers are given as POOLPROOF_QUEUE.')
output queueAddress string = 'azqueue://${storageAccountName}/${queueName}'
