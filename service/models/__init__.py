"""Tables of the running application, a file for each subject. The provider's are in auth.

Here are all of them under one name, with the words that they hold.
"""

from __future__ import annotations

from service.models.activity import *
from service.models.history import *
from service.models.loads import *
from service.models.operators import *
from service.models.people import *
from service.models.phases import *
from service.models.portal import *
from service.models.published import *
from service.models.questions import *
from service.models.registry import *
from service.models.rehearsals import *
from service.models.schools import *
from service.models.undo import *
from service.models.years import *
